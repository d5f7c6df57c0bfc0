"""Small, complete apps around a file, for Python, C++, browsers and phones."""
