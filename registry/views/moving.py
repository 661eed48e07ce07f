"""Moving versions over HTTP: the same methods that the admin and the commands call."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from registry.models import Deployment, ModelVersion, RegisteredModel
from registry.models.ledger import Who
from registry.requests import REQUEST_ID, actor_of, request_id_of
from registry.serializers import DeploymentSerializer
from registry.serializers.moves import PromotionSerializer, ReasonSerializer, RollbackSerializer, VersionMoveSerializer

WRITE, OVERRIDE = ("registry:write",), ("registry:override",)
SCHEMA = extend_schema(
    parameters=[
        OpenApiParameter(
            REQUEST_ID, str, OpenApiParameter.HEADER, description="A text of your own that the ledger keeps."
        )
    ],
    responses={
        200: DeploymentSerializer,
        409: OpenApiResponse(description="The state of things does not allow it; `evidence` says what the gates said."),
    },
)


class Move(APIView):
    """A subclass says what is asked of the body, and what it does to the model."""

    scopes = {"POST": WRITE}
    asks: ClassVar[type[Serializer[Any]]] = ReasonSerializer

    def get_serializer(self, *args: Any, **kwargs: Any) -> Serializer[Any]:
        """For the schema and the browsable page's form."""
        return self.asks(*args, **kwargs)

    def also_needs(self, request: Request) -> tuple[str, ...]:
        """Passing a gate is another right than moving."""
        return OVERRIDE if isinstance(request.data, dict) and request.data.get("override") else ()

    def move(self, model: RegisteredModel, asked: dict[str, Any], who: Who) -> Deployment:
        """Write the ledger's row, or raise Refused."""
        raise NotImplementedError

    @SCHEMA
    def post(self, request: Request, name: str) -> Response:
        model = RegisteredModel.objects.named(name)
        body = self.asks(data=request.data)
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)
        who = Who(actor=actor_of(request), reason=asked.pop("reason"), request_id=request_id_of(request))
        row = self.move(model, asked, who)
        return Response(DeploymentSerializer(row).data, headers={REQUEST_ID: row.request_id})


class MoveVersion(Move):
    """One of a model's versions, named by its number."""

    asks: ClassVar[type[Serializer[Any]]] = VersionMoveSerializer

    def move(self, model: RegisteredModel, asked: dict[str, Any], who: Who) -> Deployment:
        return self.move_version(model.versions.numbered(asked.pop("version")), asked, who)

    def move_version(self, version: ModelVersion, asked: dict[str, Any], who: Who) -> Deployment:
        raise NotImplementedError


class Promote(MoveVersion):
    """Put a version into production, once its gates have passed."""

    asks = PromotionSerializer

    def move_version(self, version: ModelVersion, asked: dict[str, Any], who: Who) -> Deployment:
        return version.promote(**asked, **who)


class Rollback(Move):
    """Put back what the newest move replaced, or version `to`; no gate is asked."""

    asks = RollbackSerializer

    def move(self, model: RegisteredModel, asked: dict[str, Any], who: Who) -> Deployment:
        return model.rollback(**asked, **who)


class Stage(MoveVersion):
    """Make a candidate ready to answer, and to be tried by its number."""

    def move_version(self, version: ModelVersion, asked: dict[str, Any], who: Who) -> Deployment:
        return version.to_staging(**who)


class Archive(MoveVersion):
    """Put away a version that will not be promoted."""

    def move_version(self, version: ModelVersion, asked: dict[str, Any], who: Who) -> Deployment:
        return version.to_archive(**who)


class Restore(MoveVersion):
    """Make an archived version a candidate again."""

    def move_version(self, version: ModelVersion, asked: dict[str, Any], who: Who) -> Deployment:
        return version.restore(**who)


class LiftQuarantine(MoveVersion):
    """Let a version that was rolled back from be promoted again; for a person who is signed in, not for a key."""

    def move_version(self, version: ModelVersion, asked: dict[str, Any], who: Who) -> Deployment:
        return version.lift_quarantine(**who)


class Suspend(Move):
    """Let a model give no answers until it is resumed."""

    def move(self, model: RegisteredModel, asked: dict[str, Any], who: Who) -> Deployment:
        return model.suspend(**who)


class Resume(Move):
    """Let a suspended model answer again."""

    def move(self, model: RegisteredModel, asked: dict[str, Any], who: Who) -> Deployment:
        return model.resume(**who)
