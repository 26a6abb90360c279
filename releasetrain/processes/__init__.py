"""What runs as `manage.py up`, and how every other command finds the servers that it runs on."""
