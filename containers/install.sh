#!/bin/sh
# Installs gaittake from the folder $1 with the versions of its constraints.txt; $2 is cpu or cuda.
# containers/Dockerfile and containers/apptainer.def run it.
set -eu
source=$1
build=${2:-cpu}

case $build in
    # PyPI's PyTorch for Linux on x86-64 has the CUDA libraries (several GB), other platforms' has not.
    cuda) index= ;;
    cpu) index="--extra-index-url https://download.pytorch.org/whl/cpu" ;;
    *) echo "install.sh: '$build' is no build of PyTorch; choose cpu or cuda" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086 # two words, or none
pip install --no-cache-dir --root-user-action=ignore $index \
    --constraint "$source/constraints.txt" "$source[pipeline]"
gaittake --version
