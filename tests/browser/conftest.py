"""How long all that these tests wait for may take, on a machine that is busy with anything."""

from playwright import async_api, sync_api

from tests.browsing import SETTLES_WITHIN_MS

async_api.expect.set_options(timeout=SETTLES_WITHIN_MS)
sync_api.expect.set_options(timeout=SETTLES_WITHIN_MS)
