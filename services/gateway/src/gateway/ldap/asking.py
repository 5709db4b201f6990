"""A directory asked in a thread: found by name, then bound as whoever was found, over a connection nobody reads."""

import ssl
from ipaddress import ip_address
from urllib.parse import urlsplit

import ldap3
from ldap3.core.exceptions import LDAPException

from gateway.ldap.directory import Entry
from gateway.ldap.rules import search_filter
from gateway.signon.doors import LdapDoc
from gateway.signon.rules import DoorRefused, Why

SECONDS = 5
"""How long a directory may take for each answer."""


def judged(doc: LdapDoc, secret: str | None, username: str, password: str) -> Entry | None:
    """Whoever has this name and password; None for nobody. `DoorRefused` when the directory does not answer."""
    try:
        server = _server(doc)
        ours = _connected(doc, server, doc.bind_dn, secret)
        try:
            if not ours.bind():
                raise DoorRefused(Why.AWAY, about="it does not know the gateway")
            found = _found(doc, ours, username)
        finally:
            ours.unbind()
        # Nobody's name costs a bind, too: it is as slow to refuse as a wrong password.
        theirs = _connected(doc, server, found.dn if found is not None else f"cn=nobody,{doc.base}", password)
        try:
            return found if theirs.bind() and found is not None else None
        finally:
            theirs.unbind()
    except (LDAPException, OSError) as error:
        raise DoorRefused(Why.AWAY, about=type(error).__name__) from None


def _server(doc: LdapDoc) -> ldap3.Server:
    tls = ldap3.Tls(
        validate=ssl.CERT_REQUIRED, version=ssl.PROTOCOL_TLS_CLIENT, ca_certs_data=doc.certificate
    )
    return ldap3.Server(doc.url, tls=tls, get_info=ldap3.NONE, connect_timeout=SECONDS)


def _connected(doc: LdapDoc, server: ldap3.Server, dn: str | None, password: str | None) -> ldap3.Connection:
    """A connection over TLS; plain only to this machine. No referral is followed: another server gets no password."""
    made = ldap3.Connection(
        server,
        user=dn,
        password=password,
        authentication=ldap3.SIMPLE if dn is not None else ldap3.ANONYMOUS,
        client_strategy=ldap3.SYNC,
        auto_bind=ldap3.AUTO_BIND_NONE,
        auto_referrals=False,
        receive_timeout=SECONDS,
        raise_exceptions=False,
        read_only=True,
        check_names=False,
    )
    made.open(read_server_info=False)
    if not doc.url.startswith("ldaps:") and not (_here(doc.url) and doc.certificate is None):
        made.start_tls(read_server_info=False)
    return made


def _here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _found(doc: LdapDoc, ours: ldap3.Connection, username: str) -> Entry | None:
    """Whoever has this name, if it is exactly one."""
    ours.search(
        doc.base,
        search_filter(doc.only, doc.names, username),
        search_scope=ldap3.SUBTREE,
        attributes=[*dict.fromkeys([*doc.attributes, doc.key])],
        size_limit=2,
        time_limit=SECONDS,
    )
    entries = [each for each in ours.response or [] if each.get("type") == "searchResEntry"]
    if len(entries) != 1 or not entries[0]["dn"]:
        return None
    told = {
        name: [value.decode("utf-8", "replace") for value in values]
        for name, values in entries[0]["raw_attributes"].items()
    }
    return Entry(entries[0]["dn"], told)
