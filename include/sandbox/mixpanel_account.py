"""Who asks the sandbox's Mixpanel, and what that account may see.

Rules: https://docs.mixpanel.com/reference/service-accounts and /reference/query-api-authentication. The shape
of `/api/app/me` follows Mixpanel's own clients (mixpanel-headless, sheets), for it is in no specification.
"""

import base64
import binascii
from typing import Annotated, Any, Literal
from zlib import crc32

from pydantic import BaseModel, Field

from include.sandbox.people import DistinctId

ORGANIZATION_ID = 1
READ_PERMISSION = "view_base_reports"
_PARTS = 10_000


class DataView(BaseModel, frozen=True, extra="forbid"):
    """A data view; one that is not global shows `share` of the profiles, always the same ones."""

    id: int
    name: str = "All Project Data"
    is_global: bool = True
    is_default: bool = True
    share: Annotated[float, Field(ge=0, le=1)] = 1.0

    def shows(self, distinct_id: DistinctId) -> bool:
        """Tell whether the view shows this profile."""
        return self.is_global or crc32(str(distinct_id).encode()) % _PARTS < self.share * _PARTS


class Account(BaseModel, frozen=True, extra="forbid"):
    """A service account, with the project's plan and views as it meets them.

    The sandbox stands for one region's host, `host_region`: hosts of other regions do not know the account.
    """

    username: str
    secret: str
    region: Literal["us", "eu", "in"] = "us"
    host_region: Literal["us", "eu", "in"] = "us"
    sees_project: bool = True
    permissions: tuple[str, ...] = (READ_PERMISSION,)
    plan_has_api: bool = True
    email_is_classified: bool = False
    data_views: Annotated[tuple[DataView, ...], Field(min_length=1)] = (DataView(id=1),)

    def accepts(self, authorization: str) -> bool:
        """Tell whether an Authorization header is this account's, on this host."""
        scheme, _, credentials = authorization.partition(" ")
        try:
            sent = base64.b64decode(credentials, validate=True)
        except binascii.Error:
            return False
        right = sent == f"{self.username}:{self.secret}".encode()
        return right and scheme.lower() == "basic" and self.region == self.host_region

    def data_view(self, workspace_id: int | None) -> DataView | None:
        """Return the view a request names, or the default one if it names none; None if there is no such."""
        if workspace_id is None:
            return next((view for view in self.data_views if view.is_default), self.data_views[0])
        return next((view for view in self.data_views if view.id == workspace_id), None)

    def me(self, project_id: int) -> dict[str, Any]:
        """Return the body of `/api/app/me`."""
        organization = {
            "id": ORGANIZATION_ID,
            "name": "Sandbox",
            "role": "member",
            "permissions": [],
        }
        project = {
            "name": "Sandbox",
            "organization_id": ORGANIZATION_ID,
            "timezone": "UTC",
            "domain": "mixpanel.com",
            "type": "PROJECT",
            "has_workspaces": len(self.data_views) > 1,
            "permissions": list(self.permissions),
        }
        workspaces = {
            str(view.id): {
                "id": view.id,
                "name": view.name,
                "project_id": project_id,
                "is_default": view.is_default,
                "is_global": view.is_global,
            }
            for view in self.data_views
        }
        return {
            "status": "ok",
            "results": {
                "user_id": 1,
                "user_email": self.username,
                "user_name": self.username,
                "organizations": {str(ORGANIZATION_ID): organization},
                "projects": {str(project_id): project} if self.sees_project else {},
                "workspaces": workspaces if self.sees_project else {},
            },
        }
