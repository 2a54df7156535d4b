"""Speed and memory of clickwise against a bare PyTorch loop and against the peers that pip can install."""
