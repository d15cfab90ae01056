"""Pictures and movies: reading to linear light, writing back as the file was, noise, and atomic output."""
