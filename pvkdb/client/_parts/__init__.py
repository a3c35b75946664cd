"""Parts of the clients beside collections: calculations, rankings, crossbars and so on."""
