"""Damaged logs, as they are met in practice: the 31 of the first measurements, the quotes that never close, and some more.

Each is a number of good rows, one defect, as many rows again, and a last row that has to be found behind it.
"""

from exhume.readers.rows import CUT, LOST, NULS, TORN

N = 200
IIS_NAMES = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) "
    "sc-status sc-substatus sc-win32-status time-taken"
)
HP_NAMES = (
    "DateTime,RequestId,UrlStem,AuthenticatedUser,UserAgent,ClientIpAddress,HttpStatus,UrlQuery,GenericInfo,GenericErrors"
)
IIS_HEAD = (
    b"#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2024-01-01 00:00:00\r\n"
    b"#Fields: " + IIS_NAMES.encode() + b"\r\n"
)
HP_HEAD = (
    HP_NAMES.encode() + b"\r\n#Software: Microsoft Exchange Server\r\n#Version: 15.01.2507.037\r\n#Log-type: HttpProxy Logs\r\n"
    b"#Date: 2024-01-01T00:00:00.000Z\r\n#Fields: " + HP_NAMES.encode() + b"\r\n"
)
EVIL = b"/aspnet_client/marker.aspx"


def iis_row(i, stem=b"/owa/", query=b"-", agent=b"Mozilla/5.0+(Windows)"):
    return b"2024-01-01 %02d:%02d:%02d 10.1.1.1 GET %s %s 443 CORP\\u%d 10.0.0.%d %s - 200 0 0 %d\r\n" % (
        i // 60 % 24, i % 60, i * 7 % 60, stem, query, i, i % 250, agent, i,
    )  # fmt: skip


def hp_row(i, stem=b"/owa/", agent=b"Mozilla/5.0", info=b'"a=1,b=2;c=""x"""', query=b""):
    return b"2024-01-01T%02d:%02d:%02d.%03dZ,id%d,%s,CORP\\u%d,%s,10.0.0.%d,200,%s,%s,\r\n" % (
        i // 60 % 24, i % 60, i * 7 % 60, i % 1000, i, stem, i, agent, i % 250, query, info,
    )  # fmt: skip


def iis(mid=b"", n=N):
    return IIS_HEAD + b"".join(map(iis_row, range(n))) + mid + b"".join(map(iis_row, range(n, 2 * n))) + iis_row(999, EVIL)


def hp(mid=b"", n=N):
    return HP_HEAD + b"".join(map(hp_row, range(n))) + mid + b"".join(map(hp_row, range(n, 2 * n))) + hp_row(999, EVIL)


def wider(extra):
    head = IIS_HEAD.replace(b"time-taken", b"time-taken cs-host X-Forwarded-For")
    return head + b"".join(iis_row(i)[:-2] + extra for i in range(N))


def narrower():
    names = b"#Fields: " + b" ".join(IIS_NAMES.encode().split()[:12]) + b"\r\n"
    return names + b"".join(b" ".join(iis_row(i).split()[:12]) + b"\r\n" for i in range(N))


A, TAIL = 2 * N + 1, b" mail.x 1.2.3.4\r\n"
CASES = {  # name: the bytes, their rows, what is told of them
    "clean": (iis(), A, ()),
    "repeated header": (iis(IIS_HEAD), A, ()),
    "more fields from here": (IIS_HEAD + iis_row(1) + wider(TAIL) + iis_row(999, EVIL)[:-2] + TAIL, N + 2, ()),
    "fewer fields from here": (IIS_HEAD + iis_row(999, EVIL) + narrower(), N + 1, ()),
    "bad utf-8": (iis(iis_row(1, b"/x\xff\xfe\xc3(", b"q=\xe9")), A + 1, ()),
    "nul in field": (iis(iis_row(1, b"/x\x00y")), A + 1, ()),
    "nul block": (iis(b"\0" * 65536), A, (NULS, LOST)),
    "torn row, nul block, row": (iis(b"2024-01-01 00:00:00 10.1.1.1 GE" + b"\0" * 65536), A + 1, (NULS, TORN, LOST)),
    "nul tail": (iis() + b"\0" * 30000, A, (NULS,)),
    "cut off": (iis()[:-30], A, (CUT,)),
    "last line without newline": (iis()[:-2], A, ()),
    "quote in query": (iis(iis_row(1, b"/x", b'a="b')), A + 1, ()),
    "quote starts field": (iis(iis_row(1, b"/x", b'"unbalanced')), A + 1, ()),
    "hash starts query": (iis(iis_row(1, b"/x", b"#frag")), A + 1, ()),
    "long line": (iis(iis_row(1, b"/" + b"a" * 3_000_000)), A + 1, ()),
    "short row": (iis(b"2024-01-01 00:00:00 10.1.1.1 GET /x\r\n"), A + 1, (TORN,)),
    "long row": (iis(iis_row(1)[:-2] + b" extra1 extra2\r\n"), A + 1, (TORN,)),
    "lone CR in field": (iis(iis_row(1, b"/x\ry")), A + 1, ()),
    "bom": (b"\xef\xbb\xbf" + iis(), A, ()),
    "bom and header amid": (iis(b"\xef\xbb\xbf" + IIS_HEAD), A, ()),
    "empty lines": (iis(b"\r\n\r\n"), A, ()),
    "lines end in LF": (iis().replace(b"\r\n", b"\n"), A, ()),
    "lines end in CR": (iis().replace(b"\r\n", b"\r"), A, ()),
    "utf-16 LE": (b"\xff\xfe" + iis().decode("latin-1").encode("utf-16-le"), A, ()),
    "utf-16 BE": (b"\xfe\xff" + iis().decode("latin-1").encode("utf-16-be"), A, ()),
    "utf-16 without mark": (iis().decode("latin-1").encode("utf-16-le"), A, ()),
    "hp clean": (hp(), A, ()),
    "hp repeated header": (hp(HP_HEAD), A, ()),
    "hp newline in quotes": (hp(hp_row(1, info=b'"line1\r\nline2"')), A + 1, ()),
    "hp unbalanced quote": (hp(hp_row(1, agent=b'"odd ua')), A + 1, ()),
    "hp quote mid field": (hp(hp_row(1, agent=b'Moz"illa')), A + 1, ()),
    "hp quoted then junk": (hp(hp_row(1, agent=b'"Moz"illa')), A + 1, ()),
    "hp bad utf-8": (hp(hp_row(1, b"/x\xff\xfe")), A + 1, ()),
    "hp nul in field": (hp(hp_row(1, b"/x\0y")), A + 1, ()),
    "hp nul block": (hp(b"\0" * 65536), A, (NULS, LOST)),
    "hp cut off in quote": (hp() + hp_row(1)[:-6], A + 1, (CUT,)),
    "hp short row": (hp(b"2024-01-01T00:00:00.000Z,id1,/x\r\n"), A + 1, (TORN,)),
    "hp long row": (hp(hp_row(1)[:-2] + b",x,y\r\n"), A + 1, (TORN,)),
    "hp more fields from here": (
        hp() + b"#Fields: " + HP_NAMES.encode() + b",NewCol\r\n" + hp_row(1)[:-2] + b",new\r\n", A + 1, (),
    ),
    "hp swallow at first row": (HP_HEAD + hp_row(0, agent=b'"x', info=b"") + b"".join(hp_row(i, info=b"") for i in range(N)) + hp_row(999, EVIL), N + 2, ()),
    "hp swallow amid 5,000": (hp(hp_row(1, agent=b'"x', info=b""), 2500), 5002, ()),
    "hp swallow amid 30,000": (hp(hp_row(1, agent=b'"x', info=b""), 15000), 30002, ()),
    "hp two rows with one quote each": (hp(hp_row(1, agent=b'"x', info=b"") + hp_row(2, agent=b'y"', info=b"")), A + 2, ()),
}  # fmt: skip
