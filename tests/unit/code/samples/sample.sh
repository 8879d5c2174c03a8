#!/bin/sh
# File comment
set -e
X=1
# doc f
f() {
  echo 1
}
function g { echo; }
