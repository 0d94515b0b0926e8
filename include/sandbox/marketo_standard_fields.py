"""The lead fields that every Marketo instance has, as data; an instance's own come on top.

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/leads
"""

from include.sandbox.marketo_fields import Field

_TYPES: dict[str, str] = {
    "string": """
        company Company Name|site Site|website Website|industry Industry|sicCode SIC Code|
        billingStreet Billing Address|billingCity Billing City|billingState Billing State|
        billingCountry Billing Country|billingPostalCode Billing Postal Code|
        externalCompanyId External Company Id|personType Person Type|salutation Salutation|
        firstName First Name|middleName Middle Name|lastName Last Name|title Job Title|
        city City|state State|country Country|postalCode Postal Code|personTimeZone Person Time Zone|
        department Department|externalSalesPersonId External Sales Person Id|leadRole Role|
        leadSource Lead Source|leadStatus Lead Status|rating Lead Rating|sfdcLeadId SFDC Lead Id|
        sfdcContactId SFDC Contact Id|sfdcAccountId SFDC Account Id|facebookId Facebook Id|
        linkedInId LinkedIn Id|twitterId Twitter Id""",
    "text": """
        address Address|mktoCompanyNotes Company Notes|unsubscribedReason Unsubscribed Reason|
        doNotCallReason Do Not Call Reason|marketingSuspendedCause Marketing Suspended Cause|
        emailInvalidCause Email Invalid Cause|emailSuspendedCause Email Suspended Cause""",
    "phone": "phone Phone Number|mobilePhone Mobile Phone Number|fax Fax Number|mainPhone Main Phone",
    "email": "email Email Address",
    "boolean": """
        unsubscribed Unsubscribed|doNotCall Do Not Call|emailInvalid Email Invalid|
        emailSuspended Email Suspended|marketingSuspended Marketing Suspended|blackListed Black Listed|
        mktoIsCustomer Is Customer|mktoIsPartner Is Partner""",
    "integer": "numberOfEmployees Num Employees|urgency Urgency|priority Priority",
    "score": "leadScore Person Score",
    "currency": "annualRevenue Annual Revenue",
    "date": "dateOfBirth Date of Birth|acquisitionDate Acquisition Date",
    "datetime": "emailSuspendedAt Email Suspended At",
}
_SYSTEM: dict[str, str] = {
    "integer": "id Id|leadPartitionId Lead Partition Id|acquisitionProgramId Acquisition Program Id",
    "datetime": "createdAt Created At|updatedAt Updated At",
    "boolean": "isLead Is Lead|isAnonymous Is Anonymous",
    "string": """
        cookies Cookies|originalSourceType Original Source Type|originalSearchEngine Original Search Engine|
        inferredCompany Inferred Company|inferredCountry Inferred Country|inferredCity Inferred City|
        mktoName Full Name""",
    "text": "originalReferrer Original Referrer",
}
_SOAP_ONLY: dict[str, str] = {"string": "AnonymousIP Anonymous IP|MicrosoftAddress2 MSD Address 2"}
_LENGTHS = {"string": 255, "email": 255, "phone": 255, "text": 30_000}


def standard_fields() -> list[Field]:
    """Return the standard fields; system ones are not updateable, a few are out of REST's reach."""
    return [
        *_fields(_TYPES, updateable=True, rest=True),
        *_fields(_SYSTEM, updateable=False, rest=True),
        *_fields(_SOAP_ONLY, updateable=False, rest=False),
    ]


def _fields(table: dict[str, str], *, updateable: bool, rest: bool) -> list[Field]:
    return [
        Field(
            name=name,
            display_name=display_name.strip(),
            data_type=data_type,
            length=_LENGTHS.get(data_type),
            updateable=updateable,
            rest=rest,
        )
        for data_type, entries in table.items()
        for name, display_name in (entry.strip().split(" ", 1) for entry in entries.split("|"))
    ]
