"""Everything that proves this project: unit, contract, end-to-end and benchmark."""
