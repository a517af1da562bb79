"""Every fault against every kind of request, over real sockets, as docs/faults.md tells it."""

from __future__ import annotations

from fault_matrix import PAGE, measured, page


async def test_the_page_tells_what_really_happens_and_no_post_arrives_twice() -> None:
    """The server counts: a POST without a key comes again only after an answer that allows it."""
    cells = await measured()
    for one in cells:
        if one.request == "POST" and not one.struck.allows:
            by_document = one.retries and one.struck.answered
            assert one.whole + one.partial <= (2 if by_document else 1), one
            assert (
                one.struck.answered
                or one.whole + one.partial == 0
                or (one.ended.ending in ("OutcomeUnknown", "PayloadTooLarge"))
            ), one
    assert page(cells) == PAGE.read_text(encoding="utf-8")
