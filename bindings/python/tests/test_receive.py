# SPDX-License-Identifier: MIT
"""Receiving: patterns, time limits, cancellation; nothing is lost."""

import copas
from loops import Pair, canceled, on_every_loop


@on_every_loop
class Receive:
    async def test_patterns(self):
        async with Pair() as (ours, theirs):
            await ours.send(b"a line\r\nraw\r\n12345until;;some")
            self.assertEqual(await theirs.receive(), b"a line")
            self.assertEqual(await theirs.receive(copas.LINE_RAW), b"raw\r\n")
            self.assertEqual(await theirs.receive(5), b"12345")
            self.assertEqual(await theirs.receive(b";;"), b"until")
            self.assertEqual(await theirs.receive(None), b"some")
            await ours.send(b"the rest")
            ours.close()
            self.assertEqual(await theirs.receive(copas.ALL), b"the rest")

    async def test_a_wrong_pattern_raises(self):
        async with Pair() as (ours, _):
            for pattern, kind in (("line", TypeError), (1.5, TypeError), (-9, ValueError),
                                  (b"", copas.Invalid)):
                with self.assertRaises(kind):
                    await ours.receive(pattern)

    async def test_lines_by_iteration_with_an_unfinished_last_one(self):
        async with Pair() as (ours, theirs):
            await ours.send(b"one\n\ntwo\nlast")
            ours.close()
            self.assertEqual([line async for line in theirs], [b"one", b"", b"two", b"last"])

    async def test_iteration_raises_a_reset_and_shows_what_is_left(self):
        async with Pair() as (ours, theirs):
            await ours.send(b"one\nla")
            self.assertEqual(await theirs.__anext__(), b"one")
            ours.abort()
            with self.assertRaises(copas.Closed) as caught:
                await theirs.__anext__()
            self.assertTrue(caught.exception.broken)
            self.assertEqual(caught.exception.partial, b"la")
            self.assertEqual(await theirs.receive(None), b"la")

    async def test_all_that_was_kept_does_not_end_at_a_reset(self):
        async with Pair() as (ours, theirs):
            theirs._keep(None, (0, 0, b"kept", 0))
            await ours.send(b" and more")
            await ours.flush()
            ours.abort()
            with self.assertRaises(copas.Closed) as caught:
                await theirs.receive(copas.ALL)
            self.assertTrue(caught.exception.broken)
            self.assertEqual(caught.exception.partial, b"kept and more")

    async def test_timeout_shows_what_has_arrived_and_consumes_nothing(self):
        async with Pair() as (ours, theirs):
            theirs.settimeout(0.05)
            await ours.send(b"half")
            with self.assertRaises(TimeoutError) as caught:
                await theirs.receive()
            self.assertIsInstance(caught.exception, copas.Error)
            self.assertEqual(caught.exception.status, -1)
            theirs.settimeout(None)
            await ours.send(b" and half\n")
            self.assertEqual(await theirs.receive(), b"half and half")

    async def test_the_end_of_the_stream_shows_what_is_left(self):
        async with Pair() as (ours, theirs):
            await ours.send(b"left")
            ours.close()
            with self.assertRaises(ConnectionResetError) as caught:
                await theirs.receive()
            self.assertEqual(caught.exception.partial, b"left")
            self.assertEqual(caught.exception.status, -2)

    async def test_too_long_a_line_raises_and_can_be_taken(self):
        async with Pair() as (ours, theirs):
            theirs.setlimits(line=8)
            await ours.send(b"0123456789\n")
            with self.assertRaises(copas.TooLong):
                await theirs.receive()
            self.assertEqual(await theirs.receive(11), b"0123456789\n")

    async def test_a_canceled_receive_loses_nothing(self):
        async with Pair() as (ours, theirs):
            task = copas.spawn(theirs.receive())
            await copas.sleep(0.01)
            await ours.send(b"ha")
            task.cancel()
            self.assertTrue(await canceled(task))
            await ours.send(b"lf\n")
            self.assertEqual(await theirs.receive(), b"half")

    async def test_a_receive_canceled_in_the_turn_that_completes_it_loses_nothing(self):
        for pattern, taken, rest in ((copas.LINE, b"ab,cd", b"ef"),
                                     (copas.LINE_RAW, b"ab,cd\n", b"ef"),
                                     (3, b"ab,", b"cd\nef"), (b",", b"ab", b"cd\nef")):
            while not await self.cancel_in_that_turn(pattern, taken, rest):
                pass

    async def cancel_in_that_turn(self, pattern, taken, rest):
        """False: the receive was over before, as its data came in an earlier turn."""
        async with Pair() as (ours, theirs):
            second = copas.spawn(theirs.receive(pattern))

            async def cancel_second():
                await ours.receive()
                second.cancel()

            killer = copas.spawn(cancel_second())
            await copas.sleep(0.01)
            await theirs.send(b"to ours\n")
            await ours.send(b"ab,cd\nef")
            await killer
            if not await canceled(second):
                return False
            ours.close()
            self.assertEqual(await theirs.receive(pattern), taken)
            self.assertEqual(await theirs.receive(copas.ALL), rest)
            return True

    async def test_what_a_canceled_receive_had_got_serves_every_pattern(self):
        for pattern, taken, rest in ((copas.LINE, b"kept more", b"tail"),
                                     (copas.LINE_RAW, b"kept more\n", b"tail"),
                                     (2, b"ke", b"pt more\ntail"), (7, b"kept mo", b"re\ntail"),
                                     (b"m", b"kept ", b"ore\ntail"),
                                     (None, b"kept", b" more\ntail"),
                                     (copas.ALL, b"kept more\ntail", None)):
            async with Pair() as (ours, theirs):
                theirs._keep(None, (0, 0, b"kept", 0))
                await ours.send(b" more\ntail")
                ours.close()
                self.assertEqual(await theirs.receive(pattern), taken)
                if rest is not None:
                    self.assertEqual(await theirs.receive(copas.ALL), rest)
                with self.assertRaises(copas.Closed):
                    await theirs.receive()

    async def test_a_second_receiver_is_refused(self):
        async with Pair() as (ours, theirs):
            task = copas.spawn(theirs.receive())
            await copas.sleep(0.01)
            with self.assertRaises(copas.Busy):
                await theirs.receive()
            await ours.send(b"for the first\n")
            self.assertEqual(await task, b"for the first")

    async def test_close_from_elsewhere_ends_a_receive(self):
        async with Pair() as (_, theirs):
            task = copas.spawn(theirs.receive())
            await copas.sleep(0.01)
            theirs.close()
            with self.assertRaises(copas.Closed):
                await task
            with self.assertRaises(copas.Closed):
                await theirs.receive()
            with self.assertRaises(copas.Closed):
                await theirs.send(b"late")
