"""The service over a searcher and its page: typed answers, media by a film's id, moments to take away."""
