#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds libfizeau to its promise: memory functions, assert and libcrypto, no socket, clock, log, random source or
global state.

usage: check_pure.py libfz_lib.a libfizeau.so LIBCRYPTO_LIBDIR INCLUDE_DIR

The shared library must export what the public headers declare, and nothing else.
"""
import glob
import re
import subprocess
import sys

MEMORY = set('''malloc calloc realloc free memcpy memmove memset memcmp memchr explicit_bzero
    strlen strnlen strcmp strncmp strchr memmem qsort bsearch abort __assert_fail __stack_chk_fail
    strerrordesc_np _GLOBAL_OFFSET_TABLE_'''.split())
# libcrypto, but neither its random source nor anything that reaches files and sockets.
FORBIDDEN_CRYPTO = re.compile(r'^(RAND|BIO|ERR_print|CONF|OSSL_STORE|OSSL_HTTP)_')
READ_ONLY = re.compile(r'^\.(text|rodata|data\.rel\.ro|eh_frame|comment|note|debug|gnu|init_array|group)')


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def crypto_symbols(libdir):
    out = run('nm', '-D', '--defined-only', f'{libdir}/libcrypto.so')
    return {line.split()[-1].split('@')[0] for line in out.splitlines() if line.strip()}


def undefined(archive):
    """Symbols some object needs and none of the archive defines."""
    defined, needed = set(), {}
    member = '?'
    for line in run('nm', archive).splitlines():
        if line.endswith(':'):
            member = line[:-1]
            continue
        fields = line.split()
        if len(fields) == 2 and fields[0] in 'Uw':
            needed.setdefault(fields[1], member)
        elif len(fields) == 3:
            defined.add(fields[2])
    return {s: m for s, m in needed.items() if s not in defined}


def mutable(archive):
    """Objects in writable sections: global state."""
    found, member = [], '?'
    for line in run('objdump', '-t', archive).splitlines():
        m = re.match(r'^(\S+):\s+file format', line)
        if m:
            member = m[1]
            continue
        m = re.match(r'^[0-9a-f]{8,16} (.{7}) (\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(.+)$', line)
        if not m:
            continue
        flags, section, size, name = m[1], m[2], int(m[3], 16), m[4]
        if 'O' in flags or section == '*COM*':
            if size and section != '*UND*' and not READ_ONLY.match(section):
                found.append(f'{member}: {name}: {size} octets in {section}: state must be in a struct the caller holds')
    return found


def declared(include):
    """Functions that the public headers mark as API."""
    names = set()
    for path in glob.glob(f'{include}/fizeau/*.h'):
        with open(path, encoding='utf-8') as f:
            text = re.sub(r'/\*.*?\*/', ' ', f.read(), flags=re.S)
        text = re.sub(r'^\s*#.*$', '', text, flags=re.M)
        names |= set(re.findall(r'FIZEAU_API\b[^;{(]*?\b(fizeau_\w+)\s*\(', text))
    return names


def exports(shared, include):
    out = run('nm', '-D', '--defined-only', shared)
    found = {line.split()[-1].split('@')[0] for line in out.splitlines() if line.strip()}
    api = declared(include)
    return ([f'{shared}: exports {s}, which no public header declares' for s in sorted(found - api)] +
            [f'{shared}: {s} is declared and not there' for s in sorted(api - found)])


def main():
    archive, shared, libdir, include = sys.argv[1:5]
    members = run('ar', 't', archive).split()
    if not members:
        print(f'{archive} is empty: nothing was checked')
        return 1
    crypto = crypto_symbols(libdir)
    bad = []
    for symbol, member in sorted(undefined(archive).items()):
        plain = re.sub(r'^__(\w+)_chk$', r'\1', symbol)
        if plain in MEMORY:
            continue
        if symbol in crypto and not FORBIDDEN_CRYPTO.match(symbol):
            continue
        bad.append(f'{member}: {symbol}: not a memory function, assert or libcrypto')
    bad += mutable(archive)
    bad += exports(shared, include)
    for line in bad:
        print(line)
    print(f'{len(members)} objects, {len(bad)} against the rule')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
