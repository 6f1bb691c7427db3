"""What turns films and annotation files into feature files."""
