"""Proxies of the environment, by the rules of Go's ``golang.org/x/net/http/httpproxy``.

Many rows are inputs of that package's public tests, in our words.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.http.proxy import Proxies, read_exceptions

PROXY = "http://proxy.example:3128"


def proxy(url: str, **environment: str) -> str | None:
    return Proxies.of(environment).of_url(url).unwrap()


@pytest.mark.parametrize(
    ("no_proxy", "url", "is_direct"),
    [
        ("", "https://reg.example/", False),
        ("*", "https://reg.example/", True),
        ("a, *", "https://10.0.0.1/", True),
        ("reg.example", "https://reg.example/", True),
        ("reg.example", "https://sub.reg.example/", True),
        ("reg.example", "https://badreg.example/", False),
        ("REG.example", "https://reg.EXAMPLE/", True),
        (".example", "https://reg.example/", True),
        (".example", "https://a.b.example/", True),
        (".reg.example", "https://reg.example/", False),
        ("*.example", "https://reg.example/", True),
        ("*.reg.example", "https://reg.example/", False),
        ("*.reg.example:443", "https://a.reg.example/", True),
        ("*.reg.example:80", "https://a.reg.example/", False),
        ("reg.example:443", "https://reg.example/", True),
        ("reg.example:443", "https://reg.example:443/", True),
        ("reg.example:5000", "https://reg.example/", False),
        ("reg.example:5000", "https://reg.example:5000/", True),
        ("reg.example:80", "http://reg.example/", True),
        ("reg.example:", "https://reg.example/", True),
        (" a.example , reg.example ", "https://reg.example/", True),
        (",,reg.example,", "https://reg.example/", True),
        (":443", "https://reg.example/", False),
        ("example*", "https://example.org/", False),
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.0.0.0/8", "https://11.1.2.3/", False),
        ("10.9.9.9/8", "https://10.1.2.3:5000/", True),
        ("10.0.0.0/255.0.0.0", "https://10.1.2.3/", False),
        ("10.0.0.0/33", "https://10.1.2.3/", False),
        ("10.1.2.3", "https://10.1.2.3:5000/", True),
        ("10.1.2.3", "https://10.1.2.30/", False),
        ("10.1.2.3:5000", "https://10.1.2.3:5000/", True),
        ("10.1.2.3:5000", "https://10.1.2.3/", False),
        ("1.2.3", "https://1.2.3.4/", False),
        ("::ffff:10.1.2.3", "https://10.1.2.3/", True),
        ("10.1.2.3", "https://[::ffff:10.1.2.3]/", True),
        ("::ffff:10.0.0.0/104", "https://10.1.2.3/", True),
        ("fd00::/8", "https://[fd00::1]/", True),
        ("fd00::/8", "https://[fe00::1]/", False),
        ("localhost,fd00::/8", "https://reg.example/", False),
        ("[::1]", "https://reg.example/", False),
        ("[fd00::1]", "https://[fd00::1]/", False),
        ("fd00::1", "https://[fd00::1]:5000/", True),
        ("FD00::1", "https://[fd00:0::1]/", True),
        ("[fd00::1]:5000", "https://[fd00::1]:5000/", True),
        ("[fd00::1]:5000", "https://[fd00::1]/", False),
        ("::1%25.reg.example", "https://reg.example/", False),
        ("reg.example", "https://[fd00::1%25.reg.example]/", False),
        ("10.0.0.0/8", "https://10.example/", False),
        ("bücher.example", "https://xn--bcher-kva.example/", True),
        ("", "http://localhost:5000/", True),
        ("", "http://127.0.0.1/", True),
        ("", "http://127.9.8.7/", True),
        ("", "https://[::1]:5000/", True),
        ("", "https://localhost.example/", False),
        ("", "https://reg.localhost/", False),
        ("a]b:1", "https://reg.example/", False),
    ],
)
def test_no_proxy(no_proxy: str, url: str, is_direct: bool) -> None:
    for names in (("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"), ("http_proxy", "https_proxy", "no_proxy")):
        assert proxy(url, **dict(zip(names, (PROXY, PROXY, no_proxy), strict=True))) == (None if is_direct else PROXY)


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, "https://reg.example/", None),
        ({"HTTP_PROXY": PROXY}, "https://reg.example/", None),
        ({"HTTP_PROXY": PROXY}, "http://reg.example/", PROXY),
        ({"HTTPS_PROXY": PROXY}, "http://reg.example/", None),
        ({"ALL_PROXY": PROXY, "all_proxy": PROXY}, "https://reg.example/", None),
        ({"HTTPS_PROXY": "", "https_proxy": PROXY}, "https://reg.example/", PROXY),
        ({"HTTPS_PROXY": PROXY, "https_proxy": "http://other"}, "https://reg.example/", PROXY),
        ({"HTTPS_PROXY": "proxy.example"}, "https://reg.example/", "http://proxy.example"),
        ({"HTTPS_PROXY": "proxy.example:8080"}, "https://reg.example/", "http://proxy.example:8080"),
        ({"HTTPS_PROXY": "10.0.0.1:8080"}, "https://reg.example/", "http://10.0.0.1:8080"),
        ({"HTTPS_PROXY": "HTTP://proxy.example"}, "https://reg.example/", "http://proxy.example"),
        ({"HTTPS_PROXY": "https://proxy.example"}, "https://reg.example/", "https://proxy.example"),
        ({"HTTPS_PROXY": "http://u:p@proxy.example"}, "https://reg.example/", "http://u:p@proxy.example"),
        ({"HTTPS_PROXY": "u:p@proxy.example:1"}, "https://reg.example/", "http://u:p@proxy.example:1"),
        ({"HTTPS_PROXY": "socks5://proxy.example"}, "https://reg.example/", "socks5://proxy.example"),
        ({"HTTPS_PROXY": "socks5h://proxy.example:1"}, "https://reg.example/", "socks5h://proxy.example:1"),
        ({"HTTPS_PROXY": "http://[fd00::1]:3128"}, "https://reg.example/", "http://[fd00::1]:3128"),
        ({"HTTPS_PROXY": PROXY, "REQUEST_METHOD": "GET"}, "https://reg.example/", PROXY),
        ({"HTTPS_PROXY": PROXY, "REQUEST_METHOD": "GET"}, "http://reg.example/", None),
    ],
)
def test_proxy_of_a_url(variables: dict[str, str], url: str, expected: str | None) -> None:
    assert proxy(url, **variables) == expected


@pytest.mark.parametrize(
    ("variables", "url", "word"),
    [
        ({"HTTPS_PROXY": "ftp://proxy.example"}, "https://reg.example/", "HTTPS_PROXY has the scheme 'ftp'"),
        ({"HTTPS_PROXY": "socks4://u:s3cret@h"}, "https://reg.example/", "HTTPS_PROXY has the scheme 'socks4'"),
        ({"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, "http://reg.example/", "REQUEST_METHOD"),
        ({"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, "http://localhost/", "REQUEST_METHOD"),
    ],
)
def test_a_proxy_that_must_not_be_used(variables: dict[str, str], url: str, word: str) -> None:
    reason = Proxies.of(variables).of_url(url).failure()
    assert word in reason
    assert "s3cret" not in reason


@given(st.text("a.:/[]*%,0129f ü", max_size=30))
def test_any_no_proxy_can_be_read(text: str) -> None:
    read_exceptions(text).cover("reg.example", "443")


def test_a_password_of_a_proxy_is_not_in_repr() -> None:
    assert "s3cret" not in repr(Proxies.of({"HTTPS_PROXY": "http://u:s3cret@proxy.example"}))
