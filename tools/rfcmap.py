#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which duty of which RFC is done where, and which test shows it.

usage: rfcmap.py [--check] ROOT

Code and tests carry marks that name duties of doc/requirements.tsv, on the line above what fulfils or shows them:
    /*= rfc5357#section-3.5 TW-3.5-06 TW-3.5-07 */        in C
    #= rfc5357#section-3.5 TW-3.5-06                      in Python and shell
doc/rfc-scope.tsv gives reasons for duties that are not done, or not by code: ID or glob, a tab, the reason.
Writes doc/rfc-coverage.md. With --check it writes nothing and fails if a MUST or FMT has neither code and test nor a
reason, if a mark or reason names no duty, or if doc/rfc-coverage.md is not what would be written.
"""
import fnmatch
import os
import re
import sys

CODE = ('include', 'lib', 'io', 'endpoint', 'keys', 'cli', 'daemon', 'plugin')
TESTS = ('tests', 'fuzz')
ID = re.compile(r'(?<![A-Za-z0-9-])[A-Z]{2}-[A-Za-z0-9.]+-\d+')
BINDING = ('MUST', 'MUST NOT', 'FMT', 'must')
TITLES = {
    '4656': 'OWAMP', '7718': 'OWAMP registries', '5357': 'TWAMP', '5618': 'Mixed security mode',
    '5938': 'Individual session control', '6038': 'Reflect octets, symmetrical size', '7717': 'IKEv2-derived keys',
    '7750': 'DSCP and ECN monitoring', '8186': 'PTP timestamps', '8545': 'Well-known ports', '8762': 'STAMP',
    '8972': 'STAMP extensions', '6802': 'Value-added octets', '8913': 'TWAMP YANG', '2330': 'Metrics framework',
    '7679': 'One-way delay', '2681': 'Round-trip delay', '7680': 'One-way loss', '6673': 'Round-trip loss',
    '3393': 'Delay variation', '5481': 'Delay variation, use', '4737': 'Reordering', '5560': 'Duplication',
    '6049': 'Composition',
}


class Duty:
    def __init__(self, ident, section, level, role, text):
        self.ident, self.section, self.level, self.role, self.text = ident, section, level, role, text
        self.rfc = re.match(r'(\d+)', section)[1]
        self.binding = level in BINDING
        self.code, self.tests, self.reason = [], [], ''

    def state(self):
        if self.code and self.tests:
            return 'done'
        if self.reason:
            return 'stated'
        return 'open'


def read_tsv(path, columns):
    with open(path, encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            if line.startswith('#') or not line.strip():
                continue
            fields = line.rstrip('\n').split('\t')
            if len(fields) != columns:
                raise SystemExit(f'{path}:{number}: {len(fields)} columns, {columns} wanted')
            yield number, fields


def walk(root, tops):
    for top in tops:
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if name.endswith(('.c', '.h', '.py', '.sh')):
                    yield os.path.relpath(path, root)


def marks(root, path):
    """(line number, RFC, IDs) of every mark of a file; a mark in a C comment may run over several lines."""
    with open(os.path.join(root, path), encoding='utf-8') as f:
        text = f.read()
    for m in re.finditer(r'/\*=\s*(.*?)\*/|(?m:^[ \t]*#=[ \t]*(.*)$)', text, re.S):
        body = m[1] if m[1] is not None else m[2]
        number = text.count('\n', 0, m.start()) + 1
        head = re.match(r'rfc(\d+)#(?:section|appendix)-[\w.]+\s', body)
        idents = ID.findall(body)
        yield number, head[1] if head else None, idents, body


def collect(root, duties, wrong):
    for tops, where in ((CODE, 'code'), (TESTS, 'tests')):
        for path in walk(root, tops):
            for number, rfc, idents, body in marks(root, path):
                if rfc is None or not idents:
                    wrong.append(f'{path}:{number}: not a mark: "{" ".join(body.split())}"')
                    continue
                for ident in idents:
                    duty = duties.get(ident)
                    if duty is None:
                        wrong.append(f'{path}:{number}: there is no duty {ident}')
                    elif path not in getattr(duty, where):
                        getattr(duty, where).append(path)


def scope(root, duties, wrong):
    path = 'doc/rfc-scope.tsv'
    exact = []
    for number, (pattern, reason) in read_tsv(os.path.join(root, path), 2):
        hit = [d for i, d in duties.items() if fnmatch.fnmatchcase(i, pattern)]
        if not hit:
            wrong.append(f'{path}:{number}: {pattern} fits no duty')
        for duty in hit:
            duty.reason = reason  # later lines are more special and win
        if len(hit) == 1 and hit[0].ident == pattern and hit[0].state() == 'done':
            exact.append(f'{path}:{number}: {pattern} has code and a test now: strike the reason')
    wrong += exact


def cell(text):
    return text.replace('|', '\\|')


def where(paths):
    return ', '.join(f'`{p}`' for p in paths)


def report(duties):
    out = ['# RFC coverage', '',
           'Generated by `tools/rfcmap.py` from the marks in code and tests, `requirements.tsv` and `rfc-scope.tsv`. '
           'Do not edit.', '',
           'A duty is *done* when a mark in the code and one in a test name it; *stated* when `rfc-scope.tsv` says why '
           'not, or where else it is seen to; *open* otherwise. Binding are MUST, MUST NOT and FMT (a format or value '
           'the RFC states without a keyword).', '',
           '| RFC | | duties | done | stated | open | binding: done | stated | open |', '|---|---|--:|--:|--:|--:|--:|--:|--:|']
    rfcs = []
    for duty in duties.values():
        if duty.rfc not in rfcs:
            rfcs.append(duty.rfc)

    def counts(of):
        return [sum(d.state() == s for d in of) for s in ('done', 'stated', 'open')]
    for rfc in rfcs:
        mine = [d for d in duties.values() if d.rfc == rfc]
        row = [len(mine)] + counts(mine) + counts([d for d in mine if d.binding])
        out.append(f'| [{rfc}](#rfc-{rfc}) | {TITLES[rfc]} | ' + ' | '.join(map(str, row)) + ' |')
    everything = list(duties.values())
    row = [len(everything)] + counts(everything) + counts([d for d in everything if d.binding])
    out.append('| all | | ' + ' | '.join(map(str, row)) + ' |')
    for rfc in rfcs:
        mine = [d for d in duties.values() if d.rfc == rfc]
        out += ['', f'## RFC {rfc}', '', TITLES[rfc] + '.']
        done = [d for d in mine if d.state() == 'done']
        if done:
            out += ['', '| duty | level | what it asks | code | test |', '|---|---|---|---|---|']
            out += [f'| {d.ident} | {d.level} | {cell(d.text)} | {where(d.code)} | {where(d.tests)} |' for d in done]
        reasons = {}
        for d in mine:
            if d.state() == 'stated':
                reasons.setdefault(d.reason, []).append(d)
        if reasons:
            out += ['', 'Stated:', '']
            out += [f'* {r}: {", ".join(d.ident for d in ds)}' for r, ds in reasons.items()]
        still = [d for d in mine if d.state() == 'open']
        if still:
            out += ['', '| open | level | what it asks | has |', '|---|---|---|---|']
            out += [f'| {d.ident} | {d.level} | {cell(d.text)} | '
                    f'{"code" if d.code else "test" if d.tests else ""} |' for d in still]
    return '\n'.join(out) + '\n'


def main():
    check = '--check' in sys.argv[1:]
    root = [a for a in sys.argv[1:] if not a.startswith('-')][0]
    duties, wrong = {}, []
    for _, fields in read_tsv(os.path.join(root, 'doc/requirements.tsv'), 5):
        duties[fields[0]] = Duty(*fields)
    collect(root, duties, wrong)
    scope(root, duties, wrong)
    missing = [d for d in duties.values() if d.binding and d.state() == 'open']
    for d in missing:
        has = 'a test but no code' if d.tests else 'code but no test' if d.code else 'neither code nor test'
        wrong.append(f'{d.ident} ({d.level}): {has}, and no reason in doc/rfc-scope.tsv: {d.text}')
    text = report(duties)
    path = os.path.join(root, 'doc/rfc-coverage.md')
    if check:
        try:
            with open(path, encoding='utf-8') as f:
                current = f.read()
        except FileNotFoundError:
            current = ''
        if current != text:
            wrong.append('doc/rfc-coverage.md is out of date: run tools/rfcmap.py .')
    else:
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
    for line in wrong:
        print(line)
    done = sum(d.state() == 'done' for d in duties.values())
    print(f'{len(duties)} duties: {done} done, {sum(d.state() == "stated" for d in duties.values())} stated, '
          f'{len(missing)} binding ones open')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
