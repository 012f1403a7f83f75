"""Write frames to the lake in transactions, hash them and list snapshots."""
