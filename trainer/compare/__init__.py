"""The paper's comparison (tables 1 and 2, figures 5 to 9, section 4.4) on other people's data."""
