"""What people, programs and CI systems see: one module for each mode and each CI system, and the console."""
