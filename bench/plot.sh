#!/bin/sh
# plot.sh FOLDER - draws what measure.sh has left in FOLDER, into it: ratios.svg,
# each figure's ratio to each peer, and growth.svg, how costs grow. The same rows
# give the same pictures. Wants gnuplot (package gnuplot-nox).
set -eu

if [ $# -ne 1 ]; then
	echo 'plot.sh: one argument is wanted: a folder that measure.sh has made' >&2
	exit 2
fi
folder=$1
for file in wanted.csv run-1.csv run-2.csv run-3.csv growth.csv; do
	if [ ! -r "$folder/$file" ]; then
		echo "plot.sh: there is no $folder/$file; measure.sh makes it" >&2
		exit 2
	fi
done
if ! command -v gnuplot >/dev/null; then
	echo 'plot.sh: there is no gnuplot to draw with' >&2
	exit 1
fi

# Reads gnuplot's commands, and draws with them a picture NAME WIDTH HEIGHT TITLE.
# Groups in which nothing stands, a third of it, are left out. Where pages are
# dark, its brightness is turned round.
draw()
{
	{
		cat <<-SET
			set terminal svg size $2,$3 background 'white' font 'sans-serif,12' noenhanced
			set datafile separator ','
			set border 3
			set tics nomirror
		SET
		cat
	} | gnuplot | sed -z 's,<g[^>]*>\n</g>\n,,g' |
		sed -e "s,<title>Gnuplot</title>,<title>$4</title>," \
		-e '/^<g id="gnuplot_canvas">/i\
<style>@media (prefers-color-scheme: dark) {\
#gnuplot_canvas { filter: invert(0.87) hue-rotate(180deg) }}</style>' \
		>"$folder/$1"
	echo "$folder/$1"
}

# A panel for each growth: the median of the rounds, and upright their spread.
panels()
{
	echo 'set multiplot layout 4,2'
	echo 'set logscale x 2'
	echo 'set yrange [0:*]'
	echo 'set grid ytics'
	tail -n +2 "$folder/growth.csv" | awk -F, '
		$1 != name {
			if (name != "")
				finish()
			name = $1
			least = $3
			printf "$rows << end\n"
			of = $2
			unit = $4
		}
		{ print; most = $3 }
		END { finish() }
		function finish() {
			print "end"
			printf "set title \"%s (%s)\"\n", name, unit
			printf "set xlabel \"%s\"\n", of
			printf "set xrange [%g:%g]\n", least / 1.5, most * 1.5
			print "plot $rows using 3:5:6:7:xticlabels(3) with " \
				"yerrorlines linetype 6 pointtype 7 pointsize 0.5 notitle"
		}'
}

# A line for each figure and peer; 1 is where both are as good.
lines()
{
	echo '$rows << end'
	echo "$ratios"
	cat <<-'PLOT'
		end
		stats $rows using 6 nooutput
		set logscale x 10
		set grid xtics
		set xlabel 'times as good as the peer'
		set yrange [STATS_records - 0.5:-0.5]
		set arrow from 1, graph 0 to 1, graph 1 nohead linewidth 2
		set key above vertical
		label(name, peer) = name . ', ' . peer
		plot $rows using 6:0:9:10:ytic(label(strcol(1), strcol(4))) \
				with xerrorbars linetype 6 pointtype 7 pointsize 0.6 \
				title 'measured, in three runs', \
			'' using ($11 > 0 ? $11 : NaN):0 with points linetype 7 \
				pointtype 2 pointsize 0.8 title 'wanted'
	PLOT
}

ratios=$(awk -f bench/ratios.awk "$folder/wanted.csv" "$folder"/run-[123].csv |
	tail -n +2)
lines | draw ratios.svg 820 $((100 + 20 * $(echo "$ratios" | wc -l))) \
	'How many times as good Forklore is as its peers'
panels | draw growth.svg 820 1000 'How costs grow with what there is more of'
