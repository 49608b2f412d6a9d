"""``python -m retain``, and so ``accelerate launch -m retain`` and ``torchrun -m retain``."""

from retain.cli import main

if __name__ == "__main__":
    main()
