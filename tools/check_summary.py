#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sums what meson's test logs say, single test cases counted: TAP lines, unittest's verbose lines, or else the test.

usage: check_summary.py [--lost REASON]... NAME=testlog.json...

Prints failures and the reasons of skips, then "N passed, N failed, N skipped" alone on the last line.
"""
import json
import re
import sys

TAP = re.compile(r'^(ok|not ok)\b\s*\d*\s*(?:-\s*)?(.*)$')
UNITTEST = re.compile(r"^(\w+) \(([\w.]+)\).*?\.\.\. (?:.*\s)?(ok|FAIL|ERROR|expected failure|unexpected success|skipped '(.*)')$")


class Sum:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], {}

    def skip(self, where, reason):
        self.skipped.setdefault(reason or 'no reason was given', []).append(where)

    def tap(self, where, text):
        """Counts TAP cases; False if there are none."""
        cases = 0
        for line in text.splitlines():
            m = TAP.match(line)
            if not m:
                continue
            cases += 1
            name, _, directive = m[2].partition('#')
            directive = directive.strip()
            if directive.upper().startswith('SKIP'):
                self.skip(f'{where}: {name.strip()}', directive[4:].strip(' :'))
            elif m[1] == 'ok':
                self.passed += 1
            else:
                self.failed.append(f'{where}: {name.strip()}')
        return cases > 0

    def unittest(self, where, text):
        cases = 0
        for line in text.splitlines():
            m = UNITTEST.match(line)
            if not m:
                continue
            cases += 1
            if m[3].startswith('skipped'):
                self.skip(f'{where}: {m[1]}', m[4])
            elif m[3] in ('ok', 'expected failure'):
                self.passed += 1
            else:
                self.failed.append(f'{where}: {m[1]}')
        return cases > 0

    def test(self, where, record):
        out, err = record.get('stdout') or '', record.get('stderr') or ''
        result, failed = record['result'], len(self.failed)
        if result == 'SKIP':
            lines = [line for line in (out + '\n' + err).splitlines() if line.strip()]
            reasons = [line for line in lines if 'skip' in line.lower()] or lines[-1:] or ['']
            self.skip(where, re.sub(r'^(1\.\.0\s*)?#?\s*skip(ped)?\b[: ]*', '', reasons[-1].strip(), flags=re.I))
            return
        good = result in ('OK', 'EXPECTEDFAIL')
        counted = self.tap(where, out) or self.unittest(where, err)
        if not counted and good:
            self.passed += 1
        if not good and len(self.failed) == failed:
            self.failed.append(f'{where}: {result.lower()}, exit status {record.get("returncode")}')


def main():
    total, arguments = Sum(), sys.argv[1:]
    while arguments:
        argument = arguments.pop(0)
        if argument == '--lost':
            total.skip('everything that needs it', arguments.pop(0))
            continue
        name, _, path = argument.partition('=')
        try:
            with open(path, encoding='utf-8') as f:
                for line in f:
                    record = json.loads(line)
                    total.test(f'{name}: {record["name"]}', record)
        except OSError as error:
            total.failed.append(f'{name}: no test log: {error}')
    for line in total.failed:
        print(f'FAILED {line}')
    for reason, where in total.skipped.items():
        print(f'skipped ({len(where)}): {reason}: {where[0]}' + (' ...' if len(where) > 1 else ''))
    skipped = sum(map(len, total.skipped.values()))
    print(f'{total.passed} passed, {len(total.failed)} failed, {skipped} skipped')
    return 1 if total.failed or not total.passed else 0


if __name__ == '__main__':
    sys.exit(main())
