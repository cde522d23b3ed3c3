"""Address ranges: which are narrow enough to be let in, and which of them a template decides."""

import ipaddress
from typing import Final, TypeAlias

from policies.judge import Truth, every, holds
from policies.nodes import Node, Reference, child
from policies.template import Template

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

NARROW: Final = "a private range of /16 (IPv6: /48) or smaller, or one single address"
"""In words what `is_narrow` accepts."""

# RFC 1918, RFC 6598 (a VPC may use it as a secondary range), RFC 4193.
_PRIVATE: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
# The largest range of one VPC: "VPC CIDR blocks", Amazon VPC User Guide. For IPv6 the usual size of one site, RFC 6177.
_LARGEST_PRIVATE_PREFIX: Final = {4: 16, 6: 48}
# No private range and no public allotment of one holder is as wide; 0.0.0.0/1 and 2000::/3 are most of the internet.
_WIDEST_OF_ONE_HOLDER: Final = 8


def network_of(text: Node) -> Network | None:
    """The range that literal text spells, host bits and all (`10.0.0.1/0` is everything), else None."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False) if isinstance(text, str) else None
    except ValueError:
        return None


def is_internet(text: Node) -> bool:
    """Whether a route's destination is the internet: everything, or a piece as wide as no single holder has."""
    network = network_of(text)
    return network is not None and network.prefixlen < _WIDEST_OF_ONE_HOLDER


def is_narrow(value: Node, template: Template) -> Truth:
    """Whether a range is private and no wider than one VPC can be, or one single address.

    The range of a VPC or subnet of the template (`Fn::GetAtt` of `CidrBlock`) is what is stated there.
    """
    if isinstance(value, Reference):
        resource = template.target(value)
        if resource is None or value.attribute != "CidrBlock":
            return None
        return holds(resource.get("CidrBlock"), is_narrow_text)
    return is_narrow_text(value)


def is_narrow_text(value: Node) -> bool:
    """As `is_narrow`, of literal text; anything else is no range."""
    network = network_of(value)
    if network is None:
        return False
    if any(_within(network, private) for private in _PRIVATE):
        return network.prefixlen >= _LARGEST_PRIVATE_PREFIX[network.version]
    return network.prefixlen == network.max_prefixlen


def _within(network: Network, outer: Network) -> bool:
    return (
        network.version == outer.version and network.network_address in outer and network.prefixlen >= outer.prefixlen
    )


def is_narrow_prefix_list(value: Node, template: Template) -> Truth:
    """Whether each entry of a prefix list is narrow; unknown of a list that the template does not declare."""
    resource = template.target(value)
    if resource is None or resource.type != "AWS::EC2::PrefixList":
        return None
    return every(
        resource.get("Entries"), lambda entry: holds(child(entry, "Cidr"), lambda cidr: is_narrow(cidr, template))
    )
