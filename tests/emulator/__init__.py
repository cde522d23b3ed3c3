from tests.emulator.client import Emulator, running_emulator

__all__ = ["Emulator", "running_emulator"]
