"""Does a file compute the same function? Nothing is handed over before."""
