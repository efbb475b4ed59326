"""Tests of the runner: `python3 benches/load/tests.py`."""

import io
import os
import tempfile
import unittest
import uuid
from contextlib import redirect_stdout

import budgets
import script
import table
import wire
from population import Draw, Population, batches


class Tables(unittest.TestCase):
    def test_ratios_are_of_what_was_measured_in_the_same_round(self):
        self.assertEqual(table.ratios([1, 10, 6], [1, 5, 2]), (1, 2, 3))
        self.assertEqual(table.ratios([3, 4], [3, 4]), (1, 1, 1))

    def test_numbers_keep_three_digits(self):
        written = [table.number(value) for value in (12_345.6, 100, 99.94, 5.678, 5, 0, None)]
        self.assertEqual(written, ["12,346", "100", "99.9", "5.68", "5", "0", "–"])

    def test_numbers_stand_to_the_right_and_texts_to_the_left(self):
        with redirect_stdout(io.StringIO()) as printed:
            table.show("T", ["a", "b"], [["x", 1], ["1 y", 22.5]])
        self.assertIn("| a | b |\n| --- | ---: |\n| x | 1 |\n| 1 y | 22.5 |", printed.getvalue())


class Wire(unittest.TestCase):
    population = Population(learners=10, courses=5, courses_each=2, sessions_each=3)

    def test_the_same_seed_makes_the_same_requests(self):
        each = [[wire.Requests(self.population).mix() for _ in range(50)] for _ in range(2)]
        self.assertEqual(*each)
        self.assertEqual(list(self.population.records()), list(self.population.records()))

    def test_a_mix_is_one_record_to_two_totals_to_one_session(self):
        draw = wire.Requests(self.population)
        mix = [draw.mix().split(b" HTTP")[0] for _ in range(4_000)]
        posts = sum(one.startswith(b"POST") for one in mix)
        sessions = sum(b"/sessions/" in one for one in mix)
        for share in (posts, sessions):
            self.assertAlmostEqual(share / len(mix), 0.25, delta=0.03)

    def test_a_body_is_as_long_as_its_head_says_once_new_ids_are_in(self):
        draw = wire.Requests(self.population)
        for one in (draw.post() for _ in range(100)):
            head, body = one.replace(wire.NEW.encode(), b"0" * 12).split(b"\r\n\r\n")
            self.assertIn(b"Content-Length: %d" % len(body), head)

    def test_a_file_has_each_request_behind_its_length(self):
        with tempfile.TemporaryDirectory() as directory:
            path = wire.write(os.path.join(directory, "requests"), [b"abc", b"\r\n"])
            with open(path, "rb") as file:
                self.assertEqual(file.read(), b"3\nabc\n2\n\r\n\n")

    def test_batches_have_all_records_once(self):
        records = list(Population(300, 5, 2, 3).records())
        bodies = b"".join(batches(records))
        self.assertEqual(bodies.count(b'{"sessions":['), 2)
        self.assertTrue(all(bodies.count(one["sessionId"].encode()) == 1 for one in records))


class Script(unittest.TestCase):
    def test_what_monitor_escapes_is_read_back(self):
        line = r'1795525659.921392 [0 127.0.0.1:38532] "EVALSHA" "a\"b" "\x9b\x1d\\\r" ""'
        self.assertEqual(script.parse_monitored(line), [b"EVALSHA", b'a"b', b"\x9b\x1d\\\r", b""])
        self.assertIsNone(script.parse_monitored('1.0 [0 lua] "TIME"'))
        self.assertEqual(script.parse_monitored("OK"), [])

    def test_ids_become_random_ones_of_the_same_length_and_the_time_does_not_pass(self):
        ids = [uuid.UUID(Draw(number).id()) for number in range(3)]
        key = b"ss:{1}:s:" + b":".join(map(script.text, ids))
        call = script.Call([b"EVALSHA", key, b"1795525660920", ids[2].bytes, b"82.5"], ids)
        _, new, time, member, number = call.arguments(True)
        self.assertEqual((time, number), (b"9" * 13, b"82.5"))
        self.assertEqual((len(new), new.count(script.RANDOM.encode())), (len(key), 2))
        self.assertEqual((len(member), member.count(script.RANDOM.encode())), (16, 1))
        _, known, _, member, _ = call.arguments(False)
        self.assertEqual((known.count(script.RANDOM.encode()), member.count(script.RANDOM.encode())), (1, 0))


class Budgets(unittest.TestCase):
    def test_a_verdict_says_which_of_several_are_kept(self):
        judge = lambda *values: budgets.verdict("B", dict(zip("ab", values)), lambda value: value <= 1)
        self.assertEqual(judge(1, 0.5), ["B", "a: 1 · b: 0.50", "yes"])
        self.assertEqual(judge(1, 2)[2], "no, only a")
        self.assertEqual(judge(2, 2)[2], "no")


if __name__ == "__main__":
    unittest.main()
