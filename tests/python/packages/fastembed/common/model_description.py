class PoolingType:
    CLS, MEAN, LAST_TOKEN = "CLS", "MEAN", "LAST_TOKEN"


class ModelSource:
    def __init__(self, hf):
        pass
