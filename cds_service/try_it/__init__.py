"""The try-it page and its test EHR: for whoever runs the service in development mode."""
