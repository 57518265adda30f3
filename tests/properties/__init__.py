"""What holds for any text: properties over many modules, found out with hypothesis and schemathesis."""
