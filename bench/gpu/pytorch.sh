#!/bin/sh
# pytorch.py, or 3 and a sentence where it cannot run.
python=$(command -v python3) || { echo "there is no python3, so nothing is compared with PyTorch" >&2; exit 3; }
exec "$python" "$(dirname "$0")/pytorch.py" "$@"
