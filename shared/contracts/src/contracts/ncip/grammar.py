"""The messages that are spoken here as one table, for reading and writing; children stand in the schema's order.

`?` at most one, `*` any number, `+` at least one, nothing: exactly one. Alternatives are written one after the other,
each as `?`; where one of them has to be there, `ONE_OF` says so. What the schema allows besides is passed over when
it is read.
"""

from dataclasses import dataclass
from typing import Final

SPACE: Final = "http://www.niso.org/2008/ncip"
VERSION: Final = "http://www.niso.org/schemas/ncip/v2_02/ncip_v2_02.xsd"
"""The `version` of what we write; of 2.0 and 2.01 we read what these have in common with it."""

SERVICES: Final = (
    "LookupUser",
    "LookupItem",
    "RequestItem",
    "CancelRequestItem",
    "AcceptItem",
    "CheckOutItem",
    "CheckInItem",
    "RenewItem",
    "RecallItem",
)

_WHO: Final = "UserId? AuthenticationInput*"
_TOLD: Final = f"""
LookupUser = InitiationHeader? {_WHO} UserElementType* LoanedItemsDesired? RequestedItemsDesired? \
UserFiscalAccountDesired?
LookupUserResponse = ResponseHeader? Problem* UserId? UserFiscalAccount* LoanedItemsCount* LoanedItem* \
RequestedItemsCount* RequestedItem* UserOptionalFields?
LookupItem = InitiationHeader? ItemId? RequestId? ItemElementType* CurrentBorrowerDesired? CurrentRequestersDesired?
LookupItemResponse = ResponseHeader? Problem* RequestId? ItemId? HoldPickupDate? DateRecalled? ItemTransaction? \
ItemOptionalFields?
RequestItem = InitiationHeader? {_WHO} BibliographicId* ItemId* RequestId? RequestType RequestScopeType \
EarliestDateNeeded? NeedBeforeDate? PickupLocation? PickupExpiryDate? ItemElementType* UserElementType*
RequestItemResponse = ResponseHeader? Problem* RequestId? ItemId? UserId? RequestType? RequestScopeType? \
DateAvailable? HoldPickupDate? ItemOptionalFields? UserOptionalFields?
CancelRequestItem = InitiationHeader? {_WHO} RequestId? ItemId? RequestType RequestScopeType? ItemElementType* \
UserElementType*
CancelRequestItemResponse = ResponseHeader? Problem* RequestId? ItemId? UserId? ItemOptionalFields? UserOptionalFields?
AcceptItem = InitiationHeader? RequestId RequestedActionType UserId? ItemId? DateForReturn? \
IndeterminateLoanPeriodFlag? NonReturnableFlag? RenewalNotPermitted? ItemOptionalFields? PickupLocation? \
PickupExpiryDate?
AcceptItemResponse = ResponseHeader? Problem* RequestId? ItemId?
CheckOutItem = InitiationHeader? {_WHO} ItemId RequestId? DesiredDateDue? ItemElementType* UserElementType*
CheckOutItemResponse = ResponseHeader? Problem* ItemId? UserId? DateDue? IndeterminateLoanPeriodFlag? \
NonReturnableFlag? RenewalCount? ItemOptionalFields? UserOptionalFields?
CheckInItem = InitiationHeader? ItemId ItemElementType* UserElementType*
CheckInItemResponse = ResponseHeader? Problem* ItemId? UserId? ItemOptionalFields? UserOptionalFields?
RenewItem = InitiationHeader? {_WHO} ItemId ItemElementType* UserElementType* DesiredDateDue? DesiredDateForReturn?
RenewItemResponse = ResponseHeader? Problem* Pending? ItemId? UserId? DateDue? DateForReturn? RenewalCount? \
ItemOptionalFields? UserOptionalFields?
Pending = DateOfExpectedReply?
RecallItem = InitiationHeader? ItemId DesiredDateDue? ItemElementType* UserElementType*
RecallItemResponse = ResponseHeader? Problem* ItemId? UserId? DateDue? ItemOptionalFields? UserOptionalFields?
InitiationHeader = FromSystemId? FromSystemAuthentication? FromAgencyId FromAgencyAuthentication? OnBehalfOfAgency? \
ToSystemId? ToAgencyId ApplicationProfileType?
ResponseHeader = FromSystemId? FromSystemAuthentication? FromAgencyId FromAgencyAuthentication? ToSystemId? ToAgencyId
FromAgencyId = AgencyId
ToAgencyId = AgencyId
OnBehalfOfAgency = AgencyId
Problem = ProblemType ProblemDetail? ProblemElement? ProblemValue?
UserId = AgencyId? UserIdentifierType? UserIdentifierValue
ItemId = AgencyId? ItemIdentifierType? ItemIdentifierValue
RequestId = AgencyId? RequestIdentifierType? RequestIdentifierValue
AuthenticationInput = AuthenticationInputData AuthenticationDataFormatType AuthenticationInputType
BibliographicId = BibliographicItemId? BibliographicRecordId?
BibliographicRecordId = BibliographicRecordIdentifier AgencyId? BibliographicRecordIdentifierCode?
BibliographicItemId = BibliographicItemIdentifier BibliographicItemIdentifierCode?
ItemTransaction = CurrentBorrower? CurrentRequester*
CurrentBorrower = UserId
CurrentRequester = UserId
ItemOptionalFields = BibliographicDescription? ItemUseRestrictionType* CirculationStatus? HoldQueueLength? \
ItemDescription? Location* DateDue?
BibliographicDescription = Author? BibliographicItemId? BibliographicRecordId* Edition? PlaceOfPublication? \
PublicationDate? Publisher? Title?
ItemDescription = CallNumber? CopyNumber?
Location = LocationType LocationName
LocationName = LocationNameInstance+
LocationNameInstance = LocationNameLevel LocationNameValue
UserOptionalFields = NameInformation? UserAddressInformation* UserLanguage* UserPrivilege* BlockOrTrap* UserId*
NameInformation = PersonalNameInformation?
PersonalNameInformation = StructuredPersonalUserName? UnstructuredPersonalUserName?
StructuredPersonalUserName = Prefix? GivenName? Initials? Surname Suffix?
UserAddressInformation = UserAddressRoleType ElectronicAddress?
ElectronicAddress = ElectronicAddressType ElectronicAddressData
UserPrivilege = AgencyId AgencyUserPrivilegeType ValidFromDate? ValidToDate? UserPrivilegeStatus? \
UserPrivilegeDescription?
UserPrivilegeStatus = UserPrivilegeStatusType
BlockOrTrap = AgencyId BlockOrTrapType ValidFromDate? ValidToDate?
UserFiscalAccount = AccountBalance
AccountBalance = CurrencyCode MonetaryValue
LoanedItemsCount = CirculationStatus? ItemUseRestrictionType? LoanedItemCountValue
LoanedItem = ItemId DateDue? IndeterminateLoanPeriodFlag? Title?
RequestedItemsCount = RequestType? CirculationStatus? ItemUseRestrictionType? RequestedItemCountValue
RequestedItem = RequestId? ItemId? RequestType RequestStatusType DatePlaced PickupDate? PickupLocation? \
PickupExpiryDate? HoldQueuePosition? Title?
"""

ONE_OF: Final = {
    "LookupUser": (("UserId", "AuthenticationInput"),),
    "LookupItem": (("ItemId", "RequestId"),),
    "RequestItem": (("UserId", "AuthenticationInput"), ("ItemId", "BibliographicId")),
    "CancelRequestItem": (("UserId", "AuthenticationInput"), ("ItemId", "RequestId")),
    "CheckOutItem": (("UserId", "AuthenticationInput"),),
    "RenewItem": (("UserId", "AuthenticationInput"),),
    "BibliographicId": (("BibliographicItemId", "BibliographicRecordId"),),
}

FLAGS: Final = frozenset(
    {
        "CurrentBorrowerDesired",
        "CurrentRequestersDesired",
        "IndeterminateLoanPeriodFlag",
        "LoanedItemsDesired",
        "NonReturnableFlag",
        "RenewalNotPermitted",
        "RequestedItemsDesired",
        "UserFiscalAccountDesired",
    }
)
"""Empty elements: that they are there is what they say."""
MOMENTS: Final = frozenset(
    {
        "DateAvailable",
        "DateDue",
        "DateForReturn",
        "DateOfExpectedReply",
        "DatePlaced",
        "DateRecalled",
        "DesiredDateDue",
        "DesiredDateForReturn",
        "EarliestDateNeeded",
        "HoldPickupDate",
        "NeedBeforeDate",
        "PickupDate",
        "PickupExpiryDate",
        "ValidFromDate",
        "ValidToDate",
    }
)
NUMBERS: Final = frozenset(
    {
        "HoldQueueLength",
        "HoldQueuePosition",
        "LoanedItemCountValue",
        "LocationNameLevel",
        "MonetaryValue",
        "RenewalCount",
        "RequestedItemCountValue",
    }
)

_IMP1: Final = "http://www.niso.org/ncip/v1_0/imp1/schemes"
_V1: Final = "http://www.niso.org/ncip/v1_0/schemes"
SCHEMES: Final = {
    "CirculationStatus": f"{_IMP1}/circulationstatus/circulationstatus.scm",
    "ItemElementType": f"{_V1}/itemelementtype/itemelementtype.scm",
    "RequestScopeType": f"{_IMP1}/requestscopetype/requestscopetype.scm",
    "RequestType": f"{_IMP1}/requesttype/requesttype.scm",
    "RequestedActionType": f"{_IMP1}/requestedactiontype/requestedactiontype.scm",
    "UserElementType": f"{_V1}/userelementtype/userelementtype.scm",
}
"""The scheme of the values that we write; agencies and places are of their own."""


@dataclass(frozen=True, slots=True)
class Part:
    """A child of an element."""

    name: str
    wanted: bool
    many: bool


def _parts(told: str) -> tuple[Part, ...]:
    return tuple(
        Part(each.rstrip("?*+"), wanted=each[-1] not in "?*", many=each[-1] in "*+") for each in told.split()
    )


GROUPS: Final = {
    name: _parts(told) for name, _, told in (line.partition(" = ") for line in _TOLD.strip().splitlines())
}
"""The children of each element that has any; every other holds text, a moment, a number, or nothing (`FLAGS`)."""
