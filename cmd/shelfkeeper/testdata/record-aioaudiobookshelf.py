"""Asks for what aioaudiobookshelf can ask for: script.py ADDRESS GRANT.

TestAioaudiobookshelf records what it sends. The library is taken from PYTHONPATH.
"""

import asyncio
import sys

import aiohttp

if not hasattr(aiohttp.client_exceptions, "InvalidUrlClientError"):  # before aiohttp 3.10
    aiohttp.client_exceptions.InvalidUrlClientError = aiohttp.InvalidURL

import aioaudiobookshelf as abs
from aioaudiobookshelf.schema.calls_items import PlaybackSessionParameters
from aioaudiobookshelf.schema.calls_playlists import (
    CreatePlaylistParameters,
    PlaylistItemsBatchParameters,
    UpdatePlaylistParameters,
)
from aioaudiobookshelf.schema.calls_session import SyncOpenSessionParameters
from aioaudiobookshelf.schema.playlist import PlaylistItem
from aioaudiobookshelf.schema.session import DeviceInfo


async def tried(what, call):
    """Says what the library makes of an answer; it has sent its request by then."""
    try:
        return await call
    except Exception as error:
        print(f"{what}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
        return None


async def first(what, pages):
    """The first result of the first two pages."""
    found, asked = None, 0
    try:
        async for page in pages:
            asked += 1
            if found is None and page.results:
                found = page.results[0]
            if asked == 2 or not page.results:
                break
    except Exception as error:
        print(f"{what}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
    return found


async def play(client, item, episode=None):
    parameters = PlaybackSessionParameters(
        device_info=DeviceInfo(device_id="recorder", client_name="Recorder", client_version="1", manufacturer="", model=""),
        force_direct_play=False,
        force_transcode=False,
        supported_mime_types=[],
    )
    session = await tried("play", client.get_playback_session(session_parameters=parameters, item_id=item, episode_id=episode))
    if session is None:
        return
    await tried("open session", client.get_open_session(session_id=session.id_))
    heard = SyncOpenSessionParameters(current_time=12.5, time_listened=2.5, duration=session.duration)
    await tried("sync", client.sync_open_session(session_id=session.id_, parameters=heard))
    await tried("local session", client.sync_local_session(playback_session=session))
    await tried("local sessions", client.sync_local_sessions(playback_sessions=[session]))
    await tried("close", client.close_open_session(session_id=session.id_, parameters=heard))


async def main(url, grant):
    async with aiohttp.ClientSession() as web:
        byhand = abs.SessionConfiguration(session=web, url=url, token=grant)
        await abs.get_user_client_by_token(session_config=byhand)

        config = abs.SessionConfiguration(session=web, url=url, pagination_items_per_page=2)
        client = await abs.get_user_client(session_config=config, username="recorder", password=grant)
        await client.refresh()
        await tried("me", client.get_my_user())
        for library in await client.get_all_libraries():
            at = {"library_id": library.id_}
            await tried("library", client.get_library(**at))
            await tried("filterdata", client.get_library_with_filterdata(**at))
            await tried("filterdata", client.get_library_filterdata(**at))
            await tried("personalized", client.get_library_personalized_view(**at))
            item = await first("items", client.get_library_items(**at))
            await first("playlists", client.get_library_playlists(**at))
            if library.media_type.value == "podcast":
                cast = await tried("podcast", client.get_library_item_podcast(podcast_id=item.id_, expanded=True))
                await tried("batch", client.get_library_item_batch_podcast(item_ids=[item.id_]))
                episode = cast.media.episodes[0].id_
                await tried("episode", client.get_podcast_episode(podcast_id=item.id_, episode_id=episode))
                await tried("progress", client.get_my_media_progress(item_id=item.id_, episode_id=episode))
                await play(client, item.id_, episode)
                continue
            series = await first("series", client.get_library_series(**at))
            await first("collections", client.get_library_collections(**at))
            await tried("narrators", client.get_library_narrators(**at))
            authors = await tried("authors", client.get_library_authors(**at)) or []
            for author in authors[:1]:
                await tried("author", client.get_author(author_id=author.id_, include_series=True))
                await tried("image", client.get_author_image(author_id=author.id_))
            if series is not None:
                await tried("one series", client.get_series(series_id=series.id_, include_progress=True))
            await tried("book", client.get_library_item_book(book_id=item.id_, expanded=True))
            await tried("batch", client.get_library_item_batch_book(item_ids=[item.id_]))
            await play(client, item.id_)
            here = {"item_id": item.id_, "duration_seconds": 600.0, "progress_seconds": 60.0, "is_finished": False}
            await tried("progress", client.update_my_media_progress(**here))
            progress = await tried("progress", client.get_my_media_progress(item_id=item.id_))
            if progress is not None:
                await tried("no progress", client.remove_my_media_progress(media_progress_id=progress.id_))
            one = PlaylistItem(library_item_id=item.id_)
            made = await tried("a playlist", client.create_playlist(
                parameters=CreatePlaylistParameters(name="Recorded", library_id=library.id_, items=[one])))
            if made is not None:
                which = {"playlist_id": made.id_}
                await tried("the playlist", client.get_playlist(**which))
                await tried("its name", client.update_playlist(**which, parameters=UpdatePlaylistParameters(name="Again", items=[one])))
                items = PlaylistItemsBatchParameters(items=[one])
                await tried("batch add", client.add_item_to_playlist_batch(**which, parameters=items))
                await tried("no playlist", client.delete_playlist(**which))
        await tried("collections", client.get_all_collections())
        await tried("playlists", client.get_all_playlists())
        await client.logout()


asyncio.run(main(*sys.argv[1:3]))
