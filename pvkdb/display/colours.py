"""Colours of pictures."""

from __future__ import annotations

#: The palette of Okabe and Ito, which colour-blind readers can distinguish.
BLUE, RED, GREEN, PURPLE, ORANGE, SKY = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
)
#: Colours of curves that belong to different potentials or materials.
CURVES = (BLUE, RED, GREEN, PURPLE, SKY)
GREY, DARK_GREY, LIGHT_GREY = "#999999", "#6B6B6B", "#E5E5E5"
#: Backgrounds of text and bars.
PALE_BLUE, PALE_SKY = "#C9D6DF", "#9EC5DF"
PALE_ORANGE, PALE_RED, PALE_GREY, WHITE = "#F2CF8D", "#E6A688", "#EEEEEE", "#FFFFFF"
