#!/bin/sh
# Fetch the site's third-party scripts again from npm and print their checksums.
# Usage: sh vendor.sh   (needs npm; writes next to this file, then compare with README.md)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --ignore-scripts --no-save --prefix "$work" \
    requirejs@2.3.8 @jupyter-widgets/html-manager@1.0.15 mathjax@3.2.2
modules=$work/node_modules
manager=$modules/@jupyter-widgets/html-manager/dist
cp "$modules/requirejs/require.js" "$here/require.js"
cp "$modules/mathjax/es5/tex-svg-full.js" "$here/tex-svg-full.js"
cp "$manager/embed-amd.js" "$here/embed-amd.js"
# the icon fonts of the widget controls, where the manager looks for them
mkdir -p "$here/@jupyter-widgets/html-manager/dist"
cp "$manager"/*.woff2 "$here/@jupyter-widgets/html-manager/dist/"
cd "$here"
find . -name '*.js' ! -name 'require-config.js' -o -name '*.woff2' | LC_ALL=C sort | xargs sha256sum
