"""What a user steers beside content and style: colour."""
