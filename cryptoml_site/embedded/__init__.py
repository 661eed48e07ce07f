"""Postgres and Valkey of our own, on Unix sockets below CRYPTOML_HOME, where no others are named."""

import os
import sys

if os.name == "nt":
    sys.exit("CryptoML does not run on Windows itself: run it in WSL, https://learn.microsoft.com/windows/wsl/install")
