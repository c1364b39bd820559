"""How fast the service is beside a Flask application that only parses the JSON (``make bench``)."""
