"""Why a network does not train: `report(diagnose(model, images, labels))`."""

from alexnet_keras.diagnostics.checklist import Fault
from alexnet_keras.diagnostics.checklist import diagnose
from alexnet_keras.diagnostics.checklist import report

__all__ = ["Fault", "diagnose", "report"]
