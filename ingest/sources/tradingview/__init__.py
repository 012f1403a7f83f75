"""Read scans over HTTP and history over the charting websocket of TradingView."""
