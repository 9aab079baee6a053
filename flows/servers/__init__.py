"""What runs in the background: `ttc up`, its processes and their guard."""
