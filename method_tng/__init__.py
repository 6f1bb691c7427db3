"""Video corpus moment retrieval in movies: a sentence in, the film and the second out."""
