"""The media of components, by their ids: uploads, downloads, thumbnails, and the files behind them."""
