"""The history of a workspace's scoring model: which version scores which days, and what each of them changed."""

from collections.abc import Sequence

from uptake.scoring import versions as scoring
from uptake.scoring.versions import ModelVersion
from uptake.views.base import ProductView, model_of


def model_versions(product: ProductView, workspace_id: int | None) -> Sequence[ModelVersion]:
    """Every version that changed the model of a workspace or whom it counts, the latest first.  Raises Unknown."""
    return scoring.model_versions(product.versions, model_of(product, workspace_id).workspace_id)
