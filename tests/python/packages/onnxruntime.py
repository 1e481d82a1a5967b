__version__ = "1.99.0"


def get_available_providers():
    return ["CPUExecutionProvider"]
