#!/bin/sh
# plot.sh ROWS FOLDER - draws what build/bench --growth --csv has printed into
# ROWS: for each cost a picture FOLDER/growth-NAME.svg, with the median of the
# rounds and, upright, their spread. Wants gnuplot (package gnuplot-nox).
set -eu

if [ $# -ne 2 ]; then
	echo 'plot.sh: two arguments are wanted: a file of rows and a folder' >&2
	exit 2
fi
rows=$1
folder=$2
if [ ! -r "$rows" ] || [ "$(head -n 1 "$rows")" != name,of,n,unit,value,low,high ]; then
	echo "plot.sh: '$rows' is not what build/bench --growth --csv prints" >&2
	exit 2
fi
if [ ! -d "$folder" ]; then
	echo "plot.sh: '$folder' is not a folder" >&2
	exit 2
fi
if ! command -v gnuplot >/dev/null; then
	echo 'plot.sh: there is no gnuplot to draw with' >&2
	exit 1
fi

# Prints a cost's least and largest number, with room beside them.
range()
{
	awk -F, -v name="$1" '$1 == name { if (!least) least = $3; most = $3 }
		END { print least / 1.5 ":" most * 1.5 }' "$rows"
}

# Prints the field of that number in a cost's first row.
field()
{
	awk -F, -v name="$1" -v number="$2" \
		'$1 == name { print $number; exit }' "$rows"
}

for name in $(tail -n +2 "$rows" | cut -d, -f1 | uniq); do
	picture=$folder/growth-$name.svg
	{
		echo '$rows << end'
		awk -F, -v name="$name" '$1 == name' "$rows"
		echo end
		cat <<-PLOT
			set terminal svg size 480,300 background 'white'
			set output '$picture'
			set datafile separator ','
			set title '$name' noenhanced
			set xlabel '$(field "$name" 2)'
			set ylabel '$(field "$name" 4)'
			set logscale x 2
			set xrange [$(range "$name")]
			set yrange [0:*]
			set grid ytics
			set border 3
			set tics nomirror
			plot \$rows using 3:5:6:7:xticlabels(3) with yerrorlines \\
				pointtype 7 pointsize 0.5 notitle
		PLOT
	} | gnuplot
	echo "$picture"
done
