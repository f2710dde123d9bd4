"""Views of customers' API keys."""

from django.http import HttpRequest, HttpResponse

from accounts.models import User
from environments.api.schema import describe
from environments.api.views import ApiView, UserManagementView, no_content, reply
from foundation import clock
from organizations import services
from organizations.api.serializers import (
    APIKeyExpiryInput,
    APIKeyInput,
    APIKeyValueInput,
    UserAPIKeyInput,
    UserAPIKeyParameters,
)
from organizations.models import CustomerAPIKey, Organization
from organizations.representations import (
    APIKeyObject,
    APIKeyValidationObject,
    IssuedAPIKeyObject,
    represent_api_key,
)


class OrganizationAPIKeyCollection(ApiView):
    """GET, POST /organizations/{organization_id}/api_keys."""

    @describe("List API keys of an organization", response=APIKeyObject, paged=True, refusals=(404,))
    def get(self, _request: HttpRequest, organization_id: str) -> HttpResponse:
        organization = Organization.objects.in_environment(self.environment).require(organization_id)
        keys = CustomerAPIKey.objects.in_environment(self.environment).filter(
            organization=organization, user__isnull=True
        )
        return self.page(keys.prefetch_related("permissions"), represent_api_key)

    @describe(
        "Create an API key of an organization",
        request=APIKeyInput,
        response=IssuedAPIKeyObject,
        status=201,
        refusals=(404,),
    )
    def post(self, _request: HttpRequest, organization_id: str) -> HttpResponse:
        organization = Organization.objects.in_environment(self.environment).require(organization_id)
        issued = services.create_organization_api_key(
            organization=organization, actor=self.actor, **self.read(APIKeyInput)
        )
        return _issued(issued)


class UserAPIKeyCollection(UserManagementView):
    """GET, POST /user_management/users/{user_id}/api_keys."""

    @describe(
        "List API keys of a user",
        response=APIKeyObject,
        query=UserAPIKeyParameters,
        paged=True,
        refusals=(404,),
    )
    def get(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        user = User.objects.in_environment(self.environment).require(user_id)
        parameters = self.read_query(UserAPIKeyParameters)
        keys = CustomerAPIKey.objects.in_environment(self.environment).filter(user=user)
        if parameters.get("organization_id"):
            keys = keys.filter(organization_id=parameters["organization_id"])
        return self.page(keys.prefetch_related("permissions"), represent_api_key, parameters)

    @describe(
        "Create an API key of a user",
        request=UserAPIKeyInput,
        response=IssuedAPIKeyObject,
        status=201,
        refusals=(400, 404),
    )
    def post(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        user = User.objects.in_environment(self.environment).require(user_id)
        fields = self.read(UserAPIKeyInput)
        organizations = Organization.objects.in_environment(self.environment)
        issued = services.create_user_api_key(
            user=user,
            organization=organizations.require(fields.pop("organization_id")),
            actor=self.actor,
            **fields,
        )
        return _issued(issued)


class APIKeyValidation(ApiView):
    """POST /api_keys/validations."""

    @describe("Validate an API key", request=APIKeyValueInput, response=APIKeyValidationObject)
    def post(self, _request: HttpRequest) -> HttpResponse:
        found = services.find_api_key_by_value(environment=self.environment, **self.read(APIKeyValueInput))
        answer: APIKeyValidationObject = {"api_key": None if found is None else represent_api_key(found)}
        return reply(answer)


class APIKeyItem(ApiView):
    """DELETE /api_keys/{id}."""

    @describe("Delete an API key", status=204, refusals=(404,))
    def delete(self, _request: HttpRequest, api_key_id: str) -> HttpResponse:
        api_key = CustomerAPIKey.objects.in_environment(self.environment).require(api_key_id)
        services.delete_api_key(api_key=api_key, actor=self.actor)
        return no_content()


class ExpireAPIKey(ApiView):
    """POST /api_keys/{id}/expire."""

    @describe("Expire an API key", request=APIKeyExpiryInput, response=APIKeyObject, refusals=(404, 409))
    def post(self, _request: HttpRequest, api_key_id: str) -> HttpResponse:
        api_key = CustomerAPIKey.objects.in_environment(self.environment).require(api_key_id)
        expires_at = self.read(APIKeyExpiryInput).get("expires_at", clock.now())
        return reply(
            represent_api_key(
                services.expire_api_key(api_key=api_key, actor=self.actor, expires_at=expires_at)
            )
        )


def _issued(issued: services.IssuedCustomerAPIKey) -> HttpResponse:
    answer: IssuedAPIKeyObject = {**represent_api_key(issued.api_key), "value": issued.value}
    return reply(answer, 201)
