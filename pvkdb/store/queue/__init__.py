"""The queue of calculations: claims, endings, attempts, dependencies, log."""
