#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds the #include graph to the table of doc/architecture.md: who may know whom.

usage: check_layers.py ROOT
"""
import os
import re
import sys

# Folder -> what it may include besides itself. The longest folder that fits a file counts.
PROJECT = {
    'include/fizeau': [],
    'lib/base': ['include/fizeau'],
    'lib/wire': ['include/fizeau', 'lib/base'],
    'lib/crypto': ['include/fizeau', 'lib/base'],
    'lib/stats': ['include/fizeau', 'lib/base'],
    'lib/proto': ['include/fizeau', 'lib/base', 'lib/wire', 'lib/crypto'],
    'io': ['include/fizeau', 'lib/base'],
    'endpoint': ['include/fizeau', 'lib/base', 'io'],
    'keys': ['include/fizeau', 'lib/base', 'io', 'plugin/ippm/ippm_msg.h'],
    'cli': ['include/fizeau', 'lib/base', 'io', 'keys', 'endpoint'],
    'daemon': ['include/fizeau', 'lib/base', 'io', 'keys', 'endpoint'],
    'plugin/ippm': [],
    'plugin/iked': ['plugin/ippm'],
}
TESTS = ['tests', 'fuzz', 'bench']  # may include whatever they test

# What lib/ and the public headers may take from the C library: no socket, clock, file, thread or random source.
PURE = set('assert.h errno.h inttypes.h limits.h stdalign.h stdbool.h stddef.h stdint.h stdlib.h string.h'.split())
# Who may see libcrypto, and how much of it (a prefix of the header's name).
LIBCRYPTO = {
    'lib/crypto': 'openssl/',
    'lib/base': 'openssl/crypto.h',   # OPENSSL_cleanse, CRYPTO_memcmp
    'lib/proto': 'openssl/crypto.h',
    'io': 'openssl/rand.h',
    'keys': 'openssl/crypto.h',
    'cli': 'openssl/crypto.h',
    'daemon': 'openssl/crypto.h',
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_of(path, table):
    best = None
    for folder in table:
        if path == folder or path.startswith(folder + '/'):
            if best is None or len(folder) > len(best):
                best = folder
    return best


def resolve(root, including, form, name):
    """The project file that an include names, or None if it is not one of ours."""
    if name.startswith('fizeau/'):
        return 'include/' + name
    if os.path.exists(os.path.join(root, name)):
        return name
    if form == '"':
        return os.path.normpath(os.path.join(os.path.dirname(including), name))
    return None


def check_include(root, path, layer, form, name):
    """None, or what is wrong with this include."""
    target = resolve(root, path, form, name)
    if target is not None:
        if target.startswith(layer + '/'):
            return None
        if any(target == a or target.startswith(a + '/') for a in PROJECT[layer]):
            return None
        if layer.startswith('plugin/'):
            # The plugin finds strongSwan's headers under names that look local.
            return None if not os.path.exists(os.path.join(root, target)) else f'{layer} may not know {target}'
        return f'{layer} may not know {target}'
    if name.startswith('openssl/'):
        allowed = LIBCRYPTO.get(layer)
        if allowed is None or not name.startswith(allowed):
            return f'{layer} may not include <{name}>'
        return None
    if (layer.startswith('lib/') or layer == 'include/fizeau') and name not in PURE:
        return f'{layer} is pure: no <{name}>'
    return None


def sources(root):
    for top in ('include', 'lib', 'io', 'keys', 'cli', 'daemon', 'plugin'):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    yield os.path.relpath(os.path.join(folder, name), root)


def main():
    root = sys.argv[1]
    bad, files, includes = [], 0, 0
    for path in sources(root):
        layer = layer_of(path, PROJECT)
        if layer is None:
            bad.append(f'{path}: in no layer of the table')
            continue
        files += 1
        with open(os.path.join(root, path), encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                m = INCLUDE.match(line)
                if m:
                    includes += 1
                    wrong = check_include(root, path, layer, m[1], m[2])
                    if wrong:
                        bad.append(f'{path}:{number}: {wrong}')
                if 'EVP_' in line and layer not in ('lib/crypto',) and not path.startswith('plugin/'):
                    bad.append(f'{path}:{number}: EVP_ outside lib/crypto')
    for line in bad:
        print(line)
    print(f'{files} files, {includes} includes, {len(bad)} against the table')
    if files == 0:
        print('nothing was checked: is this the root of the source tree?')
        return 1
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
