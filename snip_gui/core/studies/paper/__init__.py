"""The tables and figures of the paper (Lee, Ajanthan & Torr 2019) as studies."""
