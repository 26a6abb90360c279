"""Hold the plain ways that the house is measured against, each as small as it can honestly be."""
